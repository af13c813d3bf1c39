"""What is reckoned of the moment: dangers, causes, warnings that hold, who should be sent."""
