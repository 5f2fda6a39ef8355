"""A run or a bundle as one page for people: measured (`measure`), drawn (`figures`), written (`page`)."""
