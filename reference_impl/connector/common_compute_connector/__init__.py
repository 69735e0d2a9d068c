"""The ground that every connector stands on: the contract, the job's life, the store, the dispatcher, the HTTP server."""
