"""Playing real records through the club's own services, in time order: the proof that its rules hold at size."""
