using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>
/// Waits for work that is done with someone else's code, such as a view's, which may take its time over every row or over
/// hundreds of them at once, on several threads: whoever cancels does not wait for that.
/// </summary>
internal static class Patience
{
    private static readonly TimeSpan s_betweenChecks = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Has work done on a thread of its own. Where the user cancels, it is left alone: it ends when it next asks, and gives
    /// back what it has.
    /// </summary>
    /// <param name="work">The work; it asks <paramref name="checkAlive"/> as well, where it can.</param>
    /// <param name="checkAlive">Throws where the user has cancelled.</param>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public static void WaitFor(Action work, Action checkAlive)
    {
        ExceptionDispatchInfo? failure = null;
        var done = new ManualResetEventSlim();
        new Thread(() =>
        {
            try
            {
                work();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
            finally
            {
                done.Set();
            }
        })
        {
            IsBackground = true,
            Name = "Infomorphic reading",
        }.Start();
        while (!done.Wait(s_betweenChecks))
            checkAlive();
        failure?.Throw();
    }
}
