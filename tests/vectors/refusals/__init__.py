"""What every client takes and refuses, a file a topic; `make.py` writes them into refusals.json."""
