"""Photos, video, voice and files of a case: kept by their hash, scanned, shown."""
