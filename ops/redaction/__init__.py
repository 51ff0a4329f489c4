"""Takes secrets out of text and configuration before they are stored, shown or sent away.

Three kinds of rules: secrets that are known by value (known.py), places where secrets stand (names.py, assignments.py,
urls.py, commands.py, sql.py) and shapes that secrets have (shapes.py, services.py). ``Redactor`` applies them all.
"""
