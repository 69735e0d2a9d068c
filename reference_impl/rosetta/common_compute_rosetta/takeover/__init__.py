"""From a Rosetta instance to a configuration: a dump is read, and what has a counterpart is written."""
