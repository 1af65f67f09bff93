SELECT relation, pages FROM seal.places()
