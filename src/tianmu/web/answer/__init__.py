"""What every answer is made with: errors and their language, pages, times, places."""
