"""How good the ordering agents are: search on a labelled list, suggestions on a generated history, and how quick."""
