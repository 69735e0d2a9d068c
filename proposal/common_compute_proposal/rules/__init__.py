"""Our own rules for the contract: what no linter of OpenAPI can know."""
