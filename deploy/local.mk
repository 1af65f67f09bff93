# local system
