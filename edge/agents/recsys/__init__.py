"""The recommendation agent (section 7.2): what would go well with a cart."""
