"""Drawing animals from their attributes alone, with nothing but Pillow and NumPy: a page draws them as well."""
