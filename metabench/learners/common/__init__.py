"""What several families of learners share. A family imports this room and no other family."""
