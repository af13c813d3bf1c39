"""Danger of forest fire 森林火险."""
