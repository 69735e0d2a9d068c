"""The ground that every connector stands on: the contract, the store, the dispatcher, the HTTP server."""
