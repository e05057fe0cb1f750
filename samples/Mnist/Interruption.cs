using System.Runtime.InteropServices;

namespace Mnist;

/// <summary>
/// Ends the work in order on Ctrl+C (and on a request to terminate). A second Ctrl+C ends the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private volatile bool _requested;

    public Interruption()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
        ];

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !_requested;
            _requested = true;
        }
    }

    /// <summary>Ends the work if that was asked for.</summary>
    /// <exception cref="OperationCanceledException">It was.</exception>
    public void ThrowIfRequested()
    {
        if (_requested)
            throw new OperationCanceledException();
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
    }
}
