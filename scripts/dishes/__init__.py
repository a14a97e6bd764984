"""The demonstration menu's pictures, a file a kind of dish."""
