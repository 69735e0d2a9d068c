"""HTTP as the contract has it: from the bytes of a request to a handler, and from its answer to bytes."""
