#include "services/authorization/service.h"

int
main(int argc, char **argv)
{
    return service_main(&authorization_service, argc, argv);
}
