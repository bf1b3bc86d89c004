"""How much coordination code each subject has, by one written definition: `coordination.md`."""
