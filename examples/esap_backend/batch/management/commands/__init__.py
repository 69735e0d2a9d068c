"""Commands for whoever runs ESAP."""
