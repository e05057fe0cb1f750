using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Says in one sentence that the ML.NET at hand is not one that this library can work with. The library uses members
/// that ML.NET does not publish, and they may move in a version that it does not know.
/// </summary>
internal static class SupportedHost
{
    /// <summary>The range of versions of the package Microsoft.ML that this library works with.</summary>
    public const string VersionRange = "[5.0.1, 6)";

    private const string Root = "Microsoft.ML.Infomorphic";

    private const string WhatIsThere = "What trimming has removed is not called, and need not be looked at.";

    private static readonly Lazy<Exception?> Obstacle = new(FindObstacle);

    /// <summary>
    /// Compiles everything that touches ML.NET's non-public members, once in a process: the runtime looks for a member
    /// when it compiles the method that uses it.
    /// </summary>
    /// <exception cref="InvalidOperationException">A member is not where it is expected.</exception>
    public static void ThrowIfUnsupported()
    {
        if (Obstacle.Value is Exception obstacle)
            throw Describe(obstacle);
    }

    /// <summary>Whether an exception says that a member or a type is not where it is expected.</summary>
    /// <param name="exception">The exception.</param>
    public static bool IsObstacle(Exception exception) =>
        exception is MemberAccessException or TypeLoadException or ReflectionTypeLoadException;

    /// <summary>The exception that a user sees.</summary>
    /// <param name="obstacle">What the runtime said.</param>
    public static InvalidOperationException Describe(Exception obstacle)
    {
        if (obstacle is ReflectionTypeLoadException { LoaderExceptions: [Exception first, ..] })
            obstacle = first;
        string version =
            typeof(MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? "of an unknown version";
        return new InvalidOperationException(
            $"Microsoft.ML.Infomorphic works with Microsoft.ML {VersionRange}, and Microsoft.ML {version} differs in a "
                + $"member that it needs: {obstacle.Message}",
            obstacle
        );
    }

    private static Exception? FindObstacle()
    {
        try
        {
            CompileMethodsThatTouchTheHost();
            return null;
        }
        catch (Exception exception) when (IsObstacle(exception))
        {
            return exception;
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = WhatIsThere)]
    [UnconditionalSuppressMessage("Trimming", "IL2065", Justification = WhatIsThere)]
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = WhatIsThere)]
    private static void CompileMethodsThatTouchTheHost()
    {
        const BindingFlags Declared =
            BindingFlags.Public
            | BindingFlags.NonPublic
            | BindingFlags.Instance
            | BindingFlags.Static
            | BindingFlags.DeclaredOnly;
        foreach (Type type in typeof(SupportedHost).Assembly.GetTypes())
        {
            if (type.Namespace is not (Root or Root + ".Hosting"))
                continue;
            foreach (MethodBase method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
                if (!method.IsAbstract && !method.ContainsGenericParameters)
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
    }
}
