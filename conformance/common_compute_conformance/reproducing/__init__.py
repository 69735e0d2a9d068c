"""Write the fault of a check as shell commands that show it again."""
