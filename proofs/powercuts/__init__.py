"""`make power-cuts`: a busy kiosk's disk as a power cut at any moment would leave it, and whether all is still there.

docs/power-cuts.md says how; decision 21 says why so.
"""
