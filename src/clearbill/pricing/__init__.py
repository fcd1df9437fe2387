"""Part 3 of the mission: the catalogue of meters and plans with dated, frozen price versions."""
