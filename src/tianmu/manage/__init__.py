"""Alarms and reports become cases; a case gets a level, an owner, clocks and orders.

A case is its appended events: ``case_state`` adds them up, ``lifecycle`` decides what may come
next, ``desk`` keeps both true in the tables, ``manage`` reads the topics. Terms are those of
GB/T 30428 and CJJ/T 106; where they differ between editions the city pack says which is meant.
"""
