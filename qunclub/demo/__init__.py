"""The demo club: a believable PPT club, told as a story that runs through the club's own verbs."""
