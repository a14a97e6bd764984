"""Long proofs of what docs/promises.md says: each a command that exits with 1 when a promise breaks."""
