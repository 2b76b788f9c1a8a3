"""What several families of learners share. A family imports this folder and no other family."""
