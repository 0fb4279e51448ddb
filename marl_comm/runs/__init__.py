"""One run: put together from its parts, played, recorded; and the runs of a sweep."""
