"""The same calls over and over: how often the verdict is right."""
