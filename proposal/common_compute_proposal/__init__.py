"""The proposal as a living document: what changes between two versions of the contract."""
