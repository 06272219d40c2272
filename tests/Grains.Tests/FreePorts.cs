using System.Net;
using System.Net.Sockets;

namespace QuantCluster.Tests;

/// <summary>Ports that no one listens on.</summary>
internal static class FreePorts
{
    public static int Take()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
