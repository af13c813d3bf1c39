"""Rules as data: what they may say, what is wrong with them, which edition is in force."""
