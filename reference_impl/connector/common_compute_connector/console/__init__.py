"""The console: a page for people, which is a client of the contract in the server's own process."""
