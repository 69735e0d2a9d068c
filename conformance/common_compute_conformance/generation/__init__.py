"""Requests generated from the contract: how they are made, and how they have to be answered."""
