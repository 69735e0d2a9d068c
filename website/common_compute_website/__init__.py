"""The site of the proposal: pages made of what the repository already says, and proves."""
