-- Everything that is held about an account and its student, by identity.held_place.
SELECT relation, held, sealed, contexts FROM identity.held($1, $2::uuid)
