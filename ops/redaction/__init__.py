"""Removes secrets from text and configuration before they are stored, shown or sent away.

There are three kinds of rules: known secret values (known.py), places where secrets occur (names.py, assignments.py,
urls.py, commands.py, sql.py) and typical shapes of secrets (shapes.py, services.py). ``Redactor`` applies all of them.
"""
