from __future__ import annotations
def model_card(name, record): return f"# {name}\n"
