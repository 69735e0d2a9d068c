"""The Rosetta connector: jobs on hosts that are reached by a transport, with nothing installed there."""
