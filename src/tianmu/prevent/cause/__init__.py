"""Alarms along one network judged together: the earliest upstream one is the cause of the rest."""
