#include "services/notification/service.h"

int
main(int argc, char **argv)
{
    return service_main(&notification_service, argc, argv);
}
