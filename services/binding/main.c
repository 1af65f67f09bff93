#include "services/binding/service.h"

int
main(int argc, char **argv)
{
    return service_main(&binding_service, argc, argv);
}
