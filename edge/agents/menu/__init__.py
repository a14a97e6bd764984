"""The menu agent (section 7.1): the menu's file, searching it, answering on the bus."""
