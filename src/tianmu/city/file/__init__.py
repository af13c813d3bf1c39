"""The pack's files: every value with its line, and what is wrong in them."""
