using System.Runtime.InteropServices;

namespace Mnist;

/// <summary>
/// Ends the work in order on Ctrl+C (and on a request to terminate). A second Ctrl+C ends the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly CancellationTokenSource _source = new();

    public Interruption()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
        ];

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !_source.IsCancellationRequested;
            _source.Cancel();
        }
    }

    /// <summary>Cancelled when the work is to end.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }
}
