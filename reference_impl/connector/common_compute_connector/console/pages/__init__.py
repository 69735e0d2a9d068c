"""The console's pages, each module by what it shows."""
