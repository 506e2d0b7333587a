"""A small YAMNet that learns from the real one.

``patches`` turns scenes into Mel patches and asks the teacher, ``training`` trains the student,
``agreement`` measures how far it follows.
"""
