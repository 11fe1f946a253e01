"""What differs: whitening, sequential tests, changes, episodes, and what could have been missed."""
